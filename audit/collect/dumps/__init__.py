"""Files that somebody saved -> the facts of a zone: lists, trees and archives, in every form that people have."""
