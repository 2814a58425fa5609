"""The shipped checks, written as anybody would write them; read them as examples."""
