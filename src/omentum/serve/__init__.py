"""The HTTP service `omentum serve`: uploads, jobs, results, corrections, comparisons and the page.

    options, documents, faults   what it is started with, what it answers
    state/                       what survives a restart: SQLite and files
    work/                        processes that read files and compute; a crash ends one of them, not the service
    events, metrics, service     progress, figures, and all of it together
    web/                         who may ask, bodies, routes, the page

The process that answers requests reads no image and loads no model.
"""
