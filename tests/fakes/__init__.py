"""A whole host in memory, and servers, images and certificates that tests make for themselves."""
