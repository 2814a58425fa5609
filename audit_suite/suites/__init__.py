"""The shipped checks, written by the public API alone; read them as examples."""
