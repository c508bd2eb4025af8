"""Function names and source lines for module + offset, read from files, in the parent.

A crashed child cannot be asked, and the shim must not resolve names below a site: it writes offsets.
"""
