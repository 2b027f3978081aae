"""The reference for templates: jinja2 configured as transformers 4.57 configures it, its clock set."""
import datetime

from transformers.utils import chat_template_utils

NOW = datetime.datetime(2026, 11, 23, 12, 0, 0)


class _Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return NOW


chat_template_utils.datetime = _Clock


def render(template, variables):
    """The text, or the exception."""
    try:
        return chat_template_utils._compile_jinja_template(template).render(**variables)
    except Exception as error:  # any error of the template is a result
        return error
