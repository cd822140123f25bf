"""Old imports are deleted, with their rows and their files."""

from datetime import timedelta

from django.utils import timezone

from ..models import Import

#: How long an import is kept after its last step.
KEPT_FOR = timedelta(days=365)


def expired() -> list[int]:
    """Return the ids of the imports that no task is due on and that are older than `KEPT_FOR`."""
    old = Import.objects.at_rest().filter(updated_at__lt=timezone.now() - KEPT_FOR)
    return list(old.values_list("pk", flat=True))


def delete(import_id: int) -> None:
    """Delete an import with everything that belongs to it. Doing it again does what is left of it."""
    for old in Import.objects.filter(pk=import_id):
        # The file first: were it left behind, nothing would lead to it any more.
        old.file.delete(save=False)
        old.delete()
