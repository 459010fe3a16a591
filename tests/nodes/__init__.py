"""Tests of the steps of a debate, and the wards that they draw."""
