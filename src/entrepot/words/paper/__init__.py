"""Documents on paper: text in any script, pages, tables and barcodes, as a PDF.

Pure: values in, bytes out, and the same bytes for the same values. Measures are millimeters from
the upper left corner of the page; sizes of letters are points. The fonts ship with the package.
"""
