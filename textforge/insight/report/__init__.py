"""Reports: what a run left behind on one page, as JSON values, as HTML and as text.

Modules named after a section gather its values. `page.py` and `templates/` turn the values into HTML; they compute
nothing that a reader of the JSON would miss.
"""
