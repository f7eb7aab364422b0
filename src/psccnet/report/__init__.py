"""A report of one or several pictures that people read, as HTML or PDF; needs the extra `report`."""
