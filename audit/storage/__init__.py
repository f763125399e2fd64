"""Folders and buckets."""
