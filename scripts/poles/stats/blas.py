"""Linear algebra within one thread: matrices of the study are small, and sums must not depend on threads."""

import scipy.linalg  # noqa: F401  it has a library of its own beside that of numpy
from threadpoolctl import ThreadpoolController

one_blas_thread = ThreadpoolController().wrap(limits=1, user_api="blas")
"""Decorator that keeps linear algebra within a function to one thread.

Limits reach the libraries that are loaded when the controller is made, so this module loads them before.
"""
