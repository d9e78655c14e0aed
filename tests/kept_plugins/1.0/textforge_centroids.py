from textforge import hookimpl


def centroids(n_features: int, n_classes: int, multi_label: bool, /):
    """Nearest class centroid (Rocchio 1971), by the dot product."""
    import torch
    from textforge import FeatureLinear

    class Centroids(FeatureLinear):
        def fit(self, features, targets):
            sums = torch.zeros_like(self.weight)
            for row, target in enumerate(targets):
                words = slice(features.offsets[row], features.offsets[row + 1])
                weights = 1.0 if features.weights is None else torch.from_numpy(features.weights[words])
                for label in target.nonzero()[0] if multi_label else [target]:
                    sums[torch.from_numpy(features.indices[words]), int(label)] += weights
            self.weight.data = sums / sums.norm(dim=0).clamp(min=1e-9)
            self.bias.data.zero_()

    return Centroids(n_features, n_classes)


centroids.fits_itself = True


@hookimpl
def textforge_models():
    return {"centroids": centroids}
