"""What steps share: what they are given, the kinds of work, a season's input, files of products, leases."""
