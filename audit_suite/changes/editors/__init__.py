"""Editors: none is shipped, as a picture is only as good as the generator that makes it."""
