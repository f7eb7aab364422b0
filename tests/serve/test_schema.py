"""Schemathesis calls the API as its description says, and as it does not; nothing may answer what is not described."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from .conftest import Running

pytestmark = pytest.mark.slow
OPERATIONS = 13


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_the_api_is_as_it_is_described(server: Running, mode: GenerationMode) -> None:
    described = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    known = server.detect().json()["id"]
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) == OPERATIONS
    called = 0
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.path in ("/healthz", "/readyz", "/metrics", "/v1/model"):
            continue  # they take nothing that could be wrong

        @given(case=operation.as_strategy(generation_mode=mode))
        @examples(
            max_examples=8,
            deadline=None,
            database=None,
            derandomize=True,  # the same calls in every run
            suppress_health_check=list(HealthCheck),
        )
        def call(case: schemathesis.Case) -> None:
            nonlocal called
            called += 1
            # Every other one asks about a result that there is.
            if (
                "id" in case.path_parameters
                and called % 2
                and case.method != "DELETE"
                and mode is GenerationMode.POSITIVE
            ):
                case.path_parameters["id"] = known
            # What is drawn for a picture is some bytes, and they are no picture: no description can ask for more.
            left_out = [positive_data_acceptance]
            if (case.media_type or "").startswith("multipart/"):
                # In a form, a list is a field that is given several times, of which one counts: no wrong type.
                left_out.append(negative_data_rejection)
            case.call_and_validate(excluded_checks=left_out)

        call()
    assert called >= 2 * OPERATIONS
