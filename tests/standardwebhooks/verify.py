"""Does the official library take these deliveries? Reads [{secret, headers, body}], prints how many; fails at the first that it refuses."""

import json
import sys

from standardwebhooks import Webhook

deliveries = json.load(sys.stdin)
for delivery in deliveries:
    Webhook(delivery["secret"]).verify(delivery["body"], delivery["headers"])
print(len(deliveries))
