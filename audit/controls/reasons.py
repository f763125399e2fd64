"""What this program cannot say, in sentences that several controls share."""

from typing import Final

JOINERS: Final = "Who joined, changed duties or left: the personnel system knows, not the cluster."
NEED: Final = "Whether a subject needs its access: people decide, in a review."
OTHERS: Final = "Access to other resources of the cluster, and to other systems."
LOGIN: Final = "How people log in: the identity provider knows."
CONTENT: Final = "What the images contain, and who should see it."
SECRETS: Final = "Where copies of a token are, and who has read it."
USE: Final = "Use of anything but the registry, use that the logs given to this report do not cover, and who watches."
CHANGES: Final = "Whether a pushed image was tested and released: the delivery process knows."
STAGES: Final = "Which namespaces are for production: no label says so."
IDENTITIES: Final = "Such rights by which nobody comes to an image."
MOUNTS: Final = "Which pods mount which token."
