// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/hashing.h"

#include <QtCore/QThread>
#include <QtTest/QtTest>

#include <memory>

using namespace assistiv;

class tst_Hashing : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void sha256Vectors_data();
    void sha256Vectors();
    void hmacVectors_data();
    void hmacVectors();
    void hashesOnSeveralThreadsAtOnce();
    void randomBytesDiffer();
    void comparesInConstantTime_data();
    void comparesInConstantTime();
};

void tst_Hashing::sha256Vectors_data()
{
    QTest::addColumn<QByteArray>("data");
    QTest::addColumn<QByteArray>("hex");
    // FIPS 180-4, examples of NIST.
    QTest::newRow("nothing") << QByteArray() << QByteArray("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    QTest::newRow("abc") << QByteArray("abc") << QByteArray("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    QTest::newRow("two blocks") << QByteArray("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
                                << QByteArray("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    QTest::newRow("a million letters") << QByteArray(1'000'000, 'a')
                                       << QByteArray("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

void tst_Hashing::sha256Vectors()
{
    QFETCH(QByteArray, data);
    QTEST(sha256(data).toHex(), "hex");
    QTEST(sha256(data).toHex(), "hex"); // the context is used again
}

void tst_Hashing::hmacVectors_data()
{
    QTest::addColumn<QByteArray>("key");
    QTest::addColumn<QByteArray>("data");
    QTest::addColumn<QByteArray>("hex");
    // RFC 4231.
    QTest::newRow("test case 1") << QByteArray(20, '\x0b') << QByteArray("Hi There")
                                 << QByteArray("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    QTest::newRow("test case 2") << QByteArray("Jefe") << QByteArray("what do ya want for nothing?")
                                 << QByteArray("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    QTest::newRow("test case 3") << QByteArray(20, '\xaa') << QByteArray(50, '\xdd')
                                 << QByteArray("773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    QTest::newRow("test case 6, a key longer than a block")
        << QByteArray(131, '\xaa') << QByteArray("Test Using Larger Than Block-Size Key - Hash Key First")
        << QByteArray("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

void tst_Hashing::hmacVectors()
{
    QFETCH(QByteArray, key);
    QFETCH(QByteArray, data);
    QTEST(hmacSha256(key, data).toHex(), "hex");
}

void tst_Hashing::hashesOnSeveralThreadsAtOnce()
{
    const QByteArray expected = sha256("abc");
    std::atomic<int> wrong = 0;
    std::vector<std::unique_ptr<QThread>> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back(QThread::create([&] {
            for (int round = 0; round < 2000; ++round)
                wrong += sha256("abc") != expected;
        }));
        threads.back()->start();
    }
    for (const auto &thread : threads)
        thread->wait();
    QCOMPARE(wrong.load(), 0);
}

void tst_Hashing::randomBytesDiffer()
{
    QCOMPARE(randomBytes(0).size(), 0);
    QCOMPARE(randomBytes(32).size(), 32);
    QVERIFY(randomBytes(32) != randomBytes(32));
}

void tst_Hashing::comparesInConstantTime_data()
{
    QTest::addColumn<QByteArray>("a");
    QTest::addColumn<QByteArray>("b");
    QTest::addColumn<bool>("equal");
    QTest::newRow("equal") << QByteArray("secret") << QByteArray("secret") << true;
    QTest::newRow("the last byte differs") << QByteArray("secret") << QByteArray("secreT") << false;
    QTest::newRow("the first byte differs") << QByteArray("secret") << QByteArray("Secret") << false;
    QTest::newRow("one is longer") << QByteArray("secret") << QByteArray("secrets") << false;
    QTest::newRow("one is empty") << QByteArray("secret") << QByteArray() << false;
    QTest::newRow("both are empty") << QByteArray() << QByteArray("") << true;
    QTest::newRow("zero bytes count") << QByteArray("a\0b", 3) << QByteArray("a\0c", 3) << false;
}

void tst_Hashing::comparesInConstantTime()
{
    QFETCH(QByteArray, a);
    QFETCH(QByteArray, b);
    QTEST(equalInConstantTime(a, b), "equal");
}

QTEST_APPLESS_MAIN(tst_Hashing)
#include "tst_hashing.moc"
