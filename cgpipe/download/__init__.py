"""Files of others: fetched once, checked against a checksum, unpacked without trust."""
