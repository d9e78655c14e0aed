"""Hand a classifier over: a model card of what its run knows, and a push of both to the Hugging Face hub.

The card is Markdown with the hub's front matter. Its values come from the sections of a report.
"""
