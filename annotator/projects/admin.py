"""Projects and people for administrators."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from annotator.projects.models import ApiToken, AuditEntry, FailedSignIn, Label, Membership, Project, User
from annotator.projects.setup import archive_project

admin.site.register(User, UserAdmin)


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that the application alone writes."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LabelInline(admin.TabularInline):  # type: ignore[type-arg]
    """Classes; changed in the project's own page, where the model follows."""

    model = Label
    fields = readonly_fields = ("name", "color", "key", "position", "archived_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Project)
class ProjectAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "created_by", "images", "labelled", "backbone", "created_at", "archived_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter), "created_at", "backbone")
    search_fields = ("name", "created_by__username", "labels__name")
    list_select_related = ("created_by", "tally")
    date_hierarchy = "created_at"
    fields = (
        "name", "guidelines", "task_type", "backbone", "strategy", "head", "audit_fraction", "audit_every", "created_by",
        "created_at", "archived_at",
    )
    readonly_fields = (
        "task_type", "backbone", "strategy", "head", "audit_fraction", "created_by", "created_at", "archived_at",
    )
    inlines = (LabelInline, MembershipInline)
    actions = ("put_away", "bring_back")

    @admin.display(ordering="tally__images")
    def images(self, project: Project) -> int:
        """All of them."""
        return int(getattr(project, "tally").images)  # noqa: B009  the row belongs to a later stage

    @admin.display(ordering="tally__labelled")
    def labelled(self, project: Project) -> int:
        """Audit images included."""
        return int(getattr(project, "tally").labelled)  # noqa: B009

    @admin.action(description="Put the selected projects away")
    def put_away(self, request: HttpRequest, projects: QuerySet[Project]) -> None:
        """Nobody sees them any more."""
        found = list(projects.filter(archived_at=None))
        for project in found:
            archive_project(project=project, user=_user(request))
        self.message_user(request, f"{len(found)} put away.", messages.SUCCESS)

    @admin.action(description="Bring the selected projects back")
    def bring_back(self, request: HttpRequest, projects: QuerySet[Project]) -> None:
        """Their members see them again."""
        self.message_user(request, f"{projects.update(archived_at=None)} brought back.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Project | None = None) -> bool:
        """For good, with all images and labels: only what has been put away before."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.archived_at is not None)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Told in numbers: a list of a hundred thousand images helps nobody."""
        counted = {"images": sum(self.images(project) for project in objs), "labelled images": sum(map(self.labelled, objs))}
        return [str(project) for project in objs], counted, set(), []


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """To be revoked (deleted) here; made by their users alone."""

    list_display = ("name", "hint", "user", "scopes", "created_at", "expires_at", "last_used_at")
    list_filter = ("created_at", "expires_at")
    search_fields = ("name", "hint", "user__username")
    list_select_related = ("user",)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    """Who changed what, when."""

    list_display = ("at", "user", "action", "project", "detail")
    list_filter = ("action", "at")
    search_fields = ("action", "user__username", "project__name", "detail")
    list_select_related = ("user", "project")
    date_hierarchy = "at"

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(FailedSignIn)
class FailedSignInAdmin(ReadOnly):
    """Deleting the rows of a name opens the door for it again."""

    list_display = ("at", "username", "address")
    search_fields = ("username", "address")
    date_hierarchy = "at"


def _user(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User):
        raise TypeError("the admin site lets nobody in who is not signed in")
    return user
