"""What a price list is like."""

PRODUCTS = 12
UNPRICED = frozenset({3, 4, 9})


def price(product: int) -> int:
    """Return a price in cents. Raises LookupError where there is none."""
    if product in UNPRICED:
        msg = f"no price for product {product}"
        raise LookupError(msg)
    return 100 * product
