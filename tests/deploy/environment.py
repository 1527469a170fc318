"""The environment variables that the services read, found in their settings models."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from typing import get_args

from cyclopts import Parameter
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from priority_router.asking import RouterUrl

# What asyncpg itself reads: it encrypts the connection and checks the server, whoever opens it.
DRIVER = {"PGSSLMODE", "PGSSLROOTCERT"}
# What commands in the image of a service read, beside its settings.
COMMANDS = {
    "priority-router": {
        name for each in get_args(RouterUrl) if isinstance(each, Parameter) for name in each.env_var or ()
    },
}


def known_variables(service: str) -> set[str]:
    """Every variable that a service or its commands understand."""
    return _variables(settings_class(service)) | DRIVER | COMMANDS.get(service, set())


def settings_class(service: str) -> type[BaseSettings]:
    """The service's own settings, or those of the engine when it adds none."""
    own = f"{service.replace('-', '_')}.settings"
    name = own if importlib.util.find_spec(own) else "backorder_runtime.settings"
    module = importlib.import_module(name)
    [found] = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, BaseSettings) and each.__module__ == name
    ]
    return found


def _variables(model: type[BaseSettings]) -> set[str]:
    prefix = model.model_config["env_prefix"]
    delimiter = model.model_config["env_nested_delimiter"]
    return {f"{prefix}{name}".upper() for name in _names(model, delimiter)}


def _names(model: type[BaseModel], delimiter: str) -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        if inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel):
            names += [f"{name}{delimiter}{inner}" for inner in _names(field.annotation, delimiter)]
        else:
            names.append(name)
    return names
