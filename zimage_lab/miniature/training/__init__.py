"""Trains the family, stage by stage, and packages what came of it as model folders."""
