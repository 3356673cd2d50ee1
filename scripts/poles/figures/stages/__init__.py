"""The figures of one stage of the data, plotted from its files in one job.

A job takes a second to start and to import what it needs, longer than most figures take. Each module here
stands for one job and imports only the figures that it plots, so an edit of a figure repeats only these jobs.
"""
