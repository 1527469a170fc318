"""The whole system as its users see it: topics, mail, push, and processes that can be killed."""
