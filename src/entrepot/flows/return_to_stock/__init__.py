"""From a customer's wish to send goods back to units on sale again: authorize, receive, grade.

What comes back stands in quarantine until it is graded: it goes back to sale, where backorders may
take it at once, or is scrapped. The order's stock keeps the order as its document; the warehouse
counts the parcel in when it comes and puts its goods away when they are graded.
"""
