"""Shapes of requests and answers: each is sent to an app directly and through the edge, and compared byte by byte."""
