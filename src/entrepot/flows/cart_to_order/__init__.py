"""From a cart to an order: filled, held, priced, quoted, and completed once.

What a cart holds is kept from others for a while and never longer; what it wants stays. Completing
gives its units back and reserves the order's in one transaction, so that nobody comes between.
"""
