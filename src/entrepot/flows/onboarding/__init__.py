"""From a retailer's own files to a running house: check every row, then write them in batches.

`load.load_folder` is the verb. It reads tables of text cells (`rows`), whatever they came from,
turns rows into the rooms' values (`cells`, `network_rows`, `goods_rows`), checks them alone and
against each other (`check`, `network_check`), and only then writes. What each file holds stands in
`columns`.
"""
