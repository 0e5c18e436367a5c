"""ImageJ and Fiji: macros and a resident worker for their users, a bridge for Python's."""
