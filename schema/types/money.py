"""Money."""

import strawberry

from resolvers.campaigns.money import Money as MoneyRecord
from resolvers.numbers import BigInt
from schema.relay import of_record


@strawberry.type(description="An amount of money.")
class Money:
    is_type_of = of_record(MoneyRecord)

    amount_minor: BigInt = strawberry.field(
        description="The amount in the currency's minor units: 1250 is 12.50 in USD and 1,250 in JPY."
    )
    currency: str = strawberry.field(description="The currency's ISO 4217 code, such as 'USD'.")
