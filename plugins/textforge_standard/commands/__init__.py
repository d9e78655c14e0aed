"""Commands that ship as plugins: `init`, and `plugin` for plugin authors."""
