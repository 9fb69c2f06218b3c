"""`gatelift connect`: prints base URL and key for any OpenAI client."""

from pathlib import Path

from infra.cli.input.stack import open_stack
from infra.cli.terminal.invocation import Group, Invocation, command, spec_argument
from infra.operations import connect as operation
from infra.operations.connect import ConnectInfo
from infra.resources.scaling.parked import BACK, NONE_ANSWERS

app = Group()

EPILOG = """\b
Examples:
  gatelift connect gatelift.yaml
  gatelift connect gatelift.yaml --output json | jq -r .api_key
"""


@command(app, name="connect", epilog=EPILOG)
@spec_argument
def connect(call: Invocation, spec: Path) -> None:
    """Print base URL and key for any OpenAI client.

    No other command prints the endpoint's key. With --output json the keys are base_url, scoring_uri, api_key, model,
    endpoint and deployment.
    """
    stack, target = open_stack(call, spec)
    info = operation.connect(stack, target)
    call.out.document(info.to_json(), secret=True)
    call.out.data(connect_text(info), secret=True)
    if info.parked:
        call.out.warn(f"{stack.name} is {info.parked.words}: {NONE_ANSWERS}; {BACK}")


def connect_text(info: ConnectInfo) -> str:
    """The values for people, then a curl command and a Python program to copy."""
    adapters = f"\nadapters    {', '.join(info.adapters)}" if info.adapters else ""
    return f"""\
base URL    {info.base_url}
key         {info.api_key}
model       {info.model}{adapters}
endpoint    {info.endpoint}, deployment {info.deployment}
URL         {info.base_url.removesuffix("/v1")}
scoring     {info.scoring_uri}

curl {info.base_url}/chat/completions \\
  -H "Authorization: Bearer {info.api_key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "{info.model}", "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'

from openai import APIStatusError, OpenAI

client = OpenAI(base_url="{info.base_url}", api_key="{info.api_key}")
try:
    answer = client.chat.completions.create(
        model="{info.model}",
        messages=[{{"role": "user", "content": "What is the capital of France?"}}],
    )
except APIStatusError as error:  # Azure shows every status of the container but 200 as 424
    status = error.response.headers.get("ms-azureml-model-error-statuscode", error.status_code)
    wait = error.response.headers.get("retry-after")  # of 429 and 503, which the client has already repeated
    raise SystemExit(f"{{status}}: {{error.message}}" + (f" (retry after {{wait}} s)" if wait else "")) from None
print(answer.choices[0].message.content)"""
