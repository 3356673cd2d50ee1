"""Kinds of claims, one module each; the name of the module is the name of the kind.

Every module defines

- ``KEYS`` and ``OPTIONAL``: the keys that a claim of the kind must have and may have beside ``id``,
  ``statement`` and ``kind``, each with the values that it allows (see `poles.claims.checking`). Both must be
  literals, as they are read without importing the module.
- ``STAGE``: the last stage (`poles.study.branches.STAGES`) whose choices can change the verdict. It is None
  for a kind that compares the verdicts of several branches.
- ``at_least`` among the keys: the least number of what the verdict counts (countries, pairs, years, claims),
  below which the claim is not testable. It is optional for kinds with a list of ``countries``, which need all
  of them without it.
- ``judge(claim, branch)``, which returns the `poles.claims.verdicts.Verdict` on one branch. If ``STAGE`` is
  None it is ``judge(claim, verdicts, variant)``, which compares the verdicts of all branches of a variant.

A verdict follows from conditions (`poles.claims.verdicts.decide`) on values that are read from rows of the
results. It carries both, so ``scripts/audit.py --claim`` shows what decided it and what would have changed
it.
"""
