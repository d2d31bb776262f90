"""What is known of a training before it starts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """How large the pieces are that TRAIN works on.

    Attributes:
        img_sz: Height and width of the images that the model sees, in pixels.
        batch_sz: Images in a batch.
        num_epochs: How often all images are seen.
        num_workers: Processes that read images; 0 if the one that trains does.
    """

    img_sz: int
    batch_sz: int
    num_epochs: int
    num_workers: int


@dataclass(frozen=True, slots=True)
class ModelSize:
    """How large a network is.

    Attributes:
        parameters: How many numbers it learns.
        activations: Bytes that a training step keeps for the backward pass, besides the weights;
            None if nobody knows.
    """

    parameters: int
    activations: int | None
