"""PLACEHOLDER until the real one lands."""


class LiteLLMModel:
    def __init__(self, name, api_base=None, temperature=None):
        self.name = name

    async def warm_up(self): ...
    async def close(self): ...
