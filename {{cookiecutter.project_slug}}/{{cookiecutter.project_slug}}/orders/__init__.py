"""The example: a CSV file of retail orders is imported by a Canvas workflow. Delete the folder to remove it."""
