"""Importing on a page: hand in a file, look at what it would do, say yes, take the errors home."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from accounts.models import User
from catalogue import import_words, tasks
from catalogue.exporting.cells import csv_lines
from catalogue.import_columns import TABLE, hint
from catalogue.importing import template
from catalogue.models import ImportFormat, ImportRun, ImportStage
from catalogue.permissions import is_authority
from catalogue.services import uploads
from ila.core import clock, jobs
from ila.core.errors import DomainError

PER_PAGE = 20
SHOWN = 50
PATIENCE = timedelta(seconds=20)
_WIDE = {"title", "goals", "content", "skills"}
UNDER_WAY = (ImportStage.CHECKING, ImportStage.STORING)


class UploadForm(forms.Form):
    """What is imported, and from which file."""

    format = forms.ChoiceField(label=_("Format"), choices=list(import_words.FORMATS.items()))
    file = forms.FileField(label=_("File"), help_text=_("At most 250 MB."))
    register = forms.FileField(
        label=_("Register of providers (CSV)"),
        required=False,
        help_text=_("Needed for ETPL. For the others it says who is accredited, and may be left out."),
    )
    full = forms.BooleanField(
        label=_("This is the complete catalogue: delist what is no longer in it"), required=False
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """What was imported, and the form for the next one."""
    actor = _importer(request)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = _ask(actor, form.cleaned_data)
        except DomainError as refusal:
            name = "register" if refusal.code == "register_missing" else "file"
            form.add_error(name, import_words.REFUSALS.get(refusal.code, refusal.code))
        else:
            return redirect("import_run", run.public_id)
    runs = (
        ImportRun.objects.select_related("file", "requested_by")
        .defer("result", "report")
        .order_by("-requested_at", "-pk")
    )
    page = Paginator(runs, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "page": page,
        "rows": [(run, import_words.STAGES[run.stage], import_words.COLOURS[run.stage]) for run in page],
    }
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "catalogue/imports.html", context, status=status)


@never_cache
@require_safe
def import_run(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """One import: how far it is, what it would do or did, what is wrong."""
    _importer(request)
    run = _found(public_id)
    report = run.result or run.report or {}
    errors, warnings = report.get("errors", []), report.get("warnings", [])
    context = {
        "run": run,
        "stage": import_words.STAGES[run.stage],
        "colour": import_words.COLOURS[run.stage],
        "format": import_words.FORMATS[run.format],
        "under_way": run.stage in UNDER_WAY,
        "how_far": _how_far(run),
        "refused": bool(errors) and not any(report.get(name) for name in import_words.COUNTS),
        "counts": [(label, _grouped(report.get(name, 0))) for name, label in import_words.COUNTS.items()]
        if report
        else [],
        "errors": _lines(errors[:SHOWN], run.format),
        "warnings": _lines(warnings[:SHOWN], run.format),
        "error_count": len(errors) + report.get("errors_left_out", 0),
        "warning_count": len(warnings) + report.get("warnings_left_out", 0),
        "shown": SHOWN,
        "storable": sum(report.get(name, 0) for name in ("created", "updated", "delisted")),
    }
    return render(request, "catalogue/import.html", context)


@never_cache
@require_safe
def import_progress(request: HttpRequest, public_id: UUID) -> JsonResponse:
    """How far an import is, for the page that shows it."""
    _importer(request)
    run = _found(public_id)
    return JsonResponse(
        {
            "under_way": run.stage in UNDER_WAY,
            "stage": str(import_words.STAGES[run.stage]),
            "work": run.work,
            "done": run.done,
            "says": _how_far(run),
        }
    )


@require_POST
def import_confirm(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Store what was checked."""
    return _decide(request, public_id, store=True)


@require_POST
def import_discard(request: HttpRequest, public_id: UUID) -> HttpResponse:
    """Put what was checked aside."""
    return _decide(request, public_id, store=False)


@never_cache
@require_safe
def import_report(request: HttpRequest, public_id: UUID) -> StreamingHttpResponse:
    """Errors and warnings as CSV: for whoever has to mend the file."""
    _importer(request)
    run = _found(public_id)
    header = ("severity", "line", "entry", "field", "code", "message", "what_to_do")
    response = StreamingHttpResponse(
        csv_lines(header, _report_rows(run.result or run.report or {}, run.format)),
        content_type="text/csv; charset=utf-8",
    )
    response.headers["Content-Disposition"] = f'attachment; filename="import-{run.public_id}.csv"'
    return response


@login_not_required
@require_safe
def import_template(_request: HttpRequest, ending: str) -> HttpResponse:
    """The table with one example row and what each column is, in the reader's language: for providers too."""
    example = [column.example for column in TABLE]
    headers = {"Content-Disposition": f'attachment; filename="offers.{ending}"'}
    if ending == "csv":
        # Rows that begin with a # are read over.
        comments = [[f"{template.COMMENT} {line[0]}: {line[1]} {line[3]}".strip()] for line in _explained()]
        blank = [""] * (len(TABLE) - 1)
        rows = [*([*comment, *blank] for comment in comments), example]
        text = "".join(csv_lines(template.COLUMNS, rows))
        return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return HttpResponse(_template_book(example), content_type=kind, headers=headers)


def _explained() -> list[list[str]]:
    needed = str(_("needed"))
    return [
        [one.name, str(one.means), needed if one.needed else "", ", ".join(one.allowed), one.example]
        for one in TABLE
    ]


def _template_book(example: list[str]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("offers")
    sheet.freeze_panes = "A2"
    header = []
    for number, column in enumerate(TABLE, start=1):
        cell = WriteOnlyCell(sheet, column.name)
        cell.font = Font(bold=True)
        header.append(cell)
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = 40 if column.name in _WIDE else 18
        # As text, so that no zero is dropped and no day turned round.
        sheet.column_dimensions[letter].number_format = "@"
    sheet.append(header)
    cells = [WriteOnlyCell(sheet, text) for text in example]
    for cell in cells:
        cell.number_format = "@"
    sheet.append(cells)
    explained = book.create_sheet("columns")
    for letter, width in zip("ABCDE", (20, 80, 12, 60, 40), strict=True):
        explained.column_dimensions[letter].width = width
    titles = (_("Column"), _("What it is"), _("Needed"), _("Words it knows"), _("Example"))
    explained.append([str(title) for title in titles])
    for line in _explained():
        explained.append(line)
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def _ask(actor: User, told: dict[str, Any]) -> ImportRun:
    file, register = told["file"], told["register"]
    kept = uploads.keep_file(actor=actor, name=file.name, chunks=file.chunks())
    known = None
    if register is not None:
        known = uploads.keep_file(actor=actor, name=register.name, chunks=register.chunks())
    with transaction.atomic():
        run = uploads.request_import(
            actor=actor, kind=told["format"], file=kept, register=known, full=told["full"]
        )
        jobs.defer(tasks.check_import, run_id=run.pk)
    return run


def _decide(request: HttpRequest, public_id: UUID, *, store: bool) -> HttpResponse:
    actor = _importer(request)
    try:
        if store:
            with transaction.atomic():
                run = uploads.confirm_import(actor=actor, public_id=public_id)
                jobs.defer(tasks.store_import, run_id=run.pk)
        else:
            uploads.discard_import(actor=actor, public_id=public_id)
    except DomainError as refusal:
        if refusal.status == 404:
            raise Http404 from refusal
        # Pressed twice, or decided in another window: the page says how it stands.
    return redirect("import_run", public_id)


def _how_far(run: ImportRun) -> str:
    """What an import is doing, and of how many entries it has done that."""
    if run.stage not in UNDER_WAY:
        return ""
    if not run.work:
        asked = run.decided_at or run.requested_at
        return str(import_words.WAITS if clock.now() - asked > PATIENCE else "")
    doing = import_words.WORK[run.stage, run.work]
    report = run.report or {}
    # What the check has counted is what there is to store.
    total = sum(report.get(name, 0) for name in ("created", "updated", "unchanged", "rejected"))
    words = _("%(doing)s: %(done)s of %(total)s entries") if total else _("%(doing)s: %(done)s entries")
    return str(words) % {"doing": doing, "done": _grouped(run.done), "total": _grouped(total)}


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)


def _lines(problems: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [
        {
            **one,
            "means": import_words.PROBLEMS.get(one["code"], one["code"]),
            "hint": hint(one["field"]) if kind == ImportFormat.TEMPLATE else "",
        }
        for one in problems
    ]


def _report_rows(report: dict[str, Any], kind: str) -> Iterator[list[Any]]:
    for severity, name in (("error", "errors"), ("warning", "warnings")):
        for one in _lines(report.get(name, []), kind):
            advice = f"{one['means']} {one['hint']}".strip()
            yield [severity, *(one[key] for key in ("line", "entry", "field", "code", "message")), advice]
        if left_out := report.get(f"{name}_left_out"):
            yield [severity, None, None, None, "left_out", f"{left_out} more {name} are not listed", None]


def _found(public_id: UUID) -> ImportRun:
    run = (
        ImportRun.objects.select_related("file", "register", "requested_by", "decided_by")
        .filter(public_id=public_id)
        .first()
    )
    if run is None:
        raise Http404
    return run


def _importer(request: HttpRequest) -> User:
    actor = cast("User", request.user)
    if not is_authority(None, actor):
        raise PermissionDenied
    return actor
