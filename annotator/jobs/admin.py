"""Jobs for administrators: found by project and error, read but not written, stopped by an action."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from annotator.jobs.models import Job
from annotator.jobs.progress import cancel_job


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("kind", "project", "state", "how_far", "message", "attempts", "worker", "created_by", "created_at")
    list_filter = ("state", "kind", "created_at")
    search_fields = ("id", "project__name", "message", "error", "created_by__username")
    list_select_related = ("project", "created_by")
    date_hierarchy = "created_at"
    actions = ("cancel",)

    @admin.display(description="progress")
    def how_far(self, job: Job) -> str:
        """As "12 of 40 images"."""
        return f"{job.done} of {job.total} {job.unit}" if job.total else "-"

    @admin.action(description="Cancel the selected jobs", permissions=["change"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """At once those that wait, at their next step those that run."""
        open_jobs = list(jobs.filter(state__in=Job.OPEN))
        for job in open_jobs:
            cancel_job(job=job)
        self.message_user(request, f"{len(open_jobs)} of {len(jobs)} were still open; they stop now.", messages.SUCCESS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        listing = request.resolver_match is not None and request.resolver_match.url_name == "jobs_job_changelist"
        jobs = super().get_queryset(request)
        return jobs.defer("log") if listing else jobs

    def get_readonly_fields(self, request: HttpRequest, obj: Job | None = None) -> list[str]:
        return [field.name for field in Job._meta.fields]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
