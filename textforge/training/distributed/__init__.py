"""Data parallel training in several processes, which compute what one process computes from the same batches."""
