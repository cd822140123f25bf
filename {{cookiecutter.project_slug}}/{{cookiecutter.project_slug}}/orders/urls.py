"""The pages of the example."""

from django.urls import path

from . import views
from .chaos import views as chaos

app_name = "orders"
urlpatterns = [
    path("", views.imports, name="imports"),
    path("imports/", views.upload, name="upload"),
    path("imports/live/", views.live_imports, name="live-imports"),
    path("imports/sample/", views.sample, name="sample"),
    path("imports/<int:import_id>/", views.import_page, name="import"),
    path("imports/<int:import_id>.json", views.import_status, name="status"),
    path("imports/<int:import_id>/live/", views.live_import, name="live-import"),
    path("imports/<int:import_id>/row-errors.csv", views.row_errors, name="row-errors"),
    path("imports/<int:import_id>/date-order/", views.date_order, name="date-order"),
    path("imports/<int:import_id>/cancel/", views.cancel, name="cancel"),
    path("imports/<int:import_id>/chaos/<str:name>/", chaos.switch, name="chaos"),
    path("imports/<int:import_id>/resume/", views.resume, name="resume"),
]
