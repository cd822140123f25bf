"""What a person may send."""

from django import forms

from .services.csv_file import DateOrder

DATE_ORDERS = [(order.value, f"{order.label} ({order.example})") for order in DateOrder]


class UploadForm(forms.Form):
    """A file to import."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,  # the import says what is wrong with it, as with any other file
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )


class DateOrderForm(forms.Form):
    """The answer to the one question that a file may leave open."""

    date_order = forms.ChoiceField(label="The dates in this file are", choices=DATE_ORDERS)


class SampleForm(forms.Form):
    """A sample file to import."""

    rows = forms.IntegerField(min_value=1, max_value=1_000_000)
