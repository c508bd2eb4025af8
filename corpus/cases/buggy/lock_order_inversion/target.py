"""Three accounts with transfers in a ring: only all three at once wait for each other."""

import accounts as case


def SETUP():
    return [case.Account(1000) for _ in range(3)]


def transfer(source, target):
    def operation(accounts):
        accounts[source].transfer(accounts[target], 5)

    return operation


OPS = {
    "first_to_second": transfer(0, 1),
    "second_to_third": transfer(1, 2),
    "third_to_first": transfer(2, 0),
}


def CHECK(accounts):
    balances = [account.balance() for account in accounts]
    assert sum(balances) == 3000, balances
