"""The network: nodes, their working hours, carriers, services, zones, transit times and rates.

Owns small reference tables and one version row that every change raises. A process keeps the whole
network in memory (`snapshot`) and reads it anew only when that row says so.

Facts: NodeOpened, NodeClosed, NetworkChanged.

Deliberately computes no promise (promise), chooses no node (sourcing), and books no parcel
(carriage). Knows the retailer's name, currency and zone, because all of the above need them.
"""
