"""Ports are given once, and not to two processes that run beside each other."""

import os

from backorder_dev.ports import free_port, is_free


def test_a_port_is_free_and_given_once():
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(map(is_free, ports))


def test_two_processes_that_were_started_together_are_given_other_ports(monkeypatch):
    given = []
    for pid in (4_211, 4_212):
        monkeypatch.setattr(os, "getpid", lambda pid=pid: pid)
        given.append({free_port() for _ in range(300)})
    assert not given[0] & given[1]
