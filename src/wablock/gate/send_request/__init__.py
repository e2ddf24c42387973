"""A request that a business sends to a number's upstream: read, judged, and made ready to go on. No I/O.

The upstream reads the same bytes again and may read them differently. So names are read more loosely than any parser
reads them, every value of a name counts, and a request that two parsers may read differently is refused. Loose reading
only adds recipients and refusals; it never removes a check.
"""
