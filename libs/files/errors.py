"""What keeps a file from being read; every message is one line that says what to do next."""


class FileUnreadable(Exception):
    """The file cannot be read as what it is said to be."""


class MappingWrong(Exception):
    """A column was mapped to something that is no field, or not as FIELD=COLUMN."""
