"""The requests of a business to a number's upstream: how they are read, checked, and prepared for sending. No I/O.

The upstream reads the same bytes again and may read them differently. So names are read more loosely than by any
parser, every value of a name counts, and a request that two parsers may read differently is refused. Loose reading only
adds recipients and refusals; it never removes a check.
"""
