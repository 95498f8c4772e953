"""The names that a project may choose from. The core's registries hold what is behind them; a test keeps both the same."""

STRATEGIES = (
    "auto", "random", "margin", "entropy", "least_confidence", "maxherding", "uherding", "uherding_balanced", "typiclust",
    "coreset", "margin_kmeans", "bald", "badge", "probcover", "reconstruction",
)
HEADS = ("blend", "logistic", "prototype", "knn")
BACKBONES = (
    "lite0", "lite0-industrial", "lite1", "lite2", "mobilenetv2", "resnet18", "resnet50", "convnext-tiny", "dinov2-small",
)
