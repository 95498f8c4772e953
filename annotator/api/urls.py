"""The addresses of the API, one line a noun."""

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

import annotator.api.openapi  # noqa: F401  the schema learns how people sign in
from annotator.api import (
    account,
    alike,
    annotations,
    bundles,
    challengers,
    dashboard,
    deployments,
    devices,
    edge,
    finetune,
    images,
    imports,
    jobs,
    learning,
    markdown,
    members,
    projects,
    samples,
    system,
    tasks,
)

_project = "projects/<int:project_id>"
_import = f"{_project}/imports/<int:import_id>"
_image = f"{_project}/images/<int:image_id>"

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", account.MeView.as_view()),
    path("auth/csrf", account.CsrfView.as_view()),
    path("auth/login", account.LoginView.as_view()),
    path("auth/link", account.LinkView.as_view()),
    path("auth/logout", account.LogoutView.as_view()),
    path("tokens", account.TokensView.as_view()),
    path("tokens/<int:token_id>", account.TokenView.as_view()),
    path("markdown", markdown.MarkdownView.as_view()),
    path("samples", samples.SamplesView.as_view()),
    path("samples/<slug:name>", samples.SampleView.as_view()),
    path("projects", projects.ProjectsView.as_view()),
    path(_project, projects.ProjectView.as_view()),
    path(f"{_project}/labels", projects.LabelsView.as_view()),
    path(f"{_project}/labels/<int:label_id>", projects.LabelView.as_view()),
    path(f"{_project}/members", members.MembersView.as_view()),
    path(f"{_project}/members/<int:member_id>", members.MemberView.as_view()),
    path(f"{_project}/imports", imports.ImportsView.as_view()),
    path(_import, imports.ImportView.as_view()),
    path(f"{_import}/close", imports.CloseView.as_view()),
    path(f"{_import}/known", imports.KnownView.as_view()),
    path(f"{_import}/files", imports.FilesView.as_view()),
    path(f"{_import}/archive", imports.ArchiveView.as_view()),
    path(f"{_project}/images", images.ImagesView.as_view()),
    path(_image, images.ImageView.as_view()),
    path(f"{_image}/thumb", images.ThumbView.as_view()),
    path(f"{_image}/display", images.DisplayView.as_view()),
    path(f"{_project}/tasks/next", tasks.NextView.as_view()),
    path(f"{_project}/tasks/renew", tasks.RenewView.as_view()),
    path(f"{_project}/tasks/release", tasks.ReleaseView.as_view()),
    path(f"{_project}/annotations", annotations.AnnotationsView.as_view()),
    *alike.urlpatterns,
    *learning.urlpatterns,
    *challengers.urlpatterns,
    *finetune.urlpatterns,
    *jobs.urlpatterns,
    *bundles.urlpatterns,
    *devices.urlpatterns,
    *deployments.urlpatterns,
    *edge.urlpatterns,
    *dashboard.urlpatterns,
    *system.urlpatterns,
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="docs"),
]
